"""`python -m orchestration.demo` writes the synthetic retailer."""

from orchestration.demo.command import main

if __name__ == "__main__":
    main()
