"""What a pipeline does to the places in a picture: recorded while it runs, and applied to points and label images."""
