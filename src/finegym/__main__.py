"""``python -m finegym``."""

from finegym.cli import main

if __name__ == "__main__":
    main()
