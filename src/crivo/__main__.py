"""`python -m crivo`: the command line, for where no script is installed."""

from crivo.cli.main import main

if __name__ == "__main__":
    main()
