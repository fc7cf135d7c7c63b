"""Both meanings of augmentation, measured side by side on the user's own images."""
