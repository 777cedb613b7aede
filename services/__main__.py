"""``python -m services`` is ``shipbook``."""

from services.cli import main

if __name__ == "__main__":
    main()
