"""The command `notmiwae`: `main.py` reads what was typed; other modules are subcommands, or parts."""
