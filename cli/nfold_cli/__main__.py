"""`python -m nfold_cli` is `nfold`."""

from nfold_cli.main import run

if __name__ == "__main__":
    run()
