"""`python -m orchestration.cli` is the same as `shopthread`."""

from orchestration.cli import main

if __name__ == "__main__":
    main()
