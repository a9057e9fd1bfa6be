"""`python -m asyncfc_sim` is `asyncfc`."""

from asyncfc_sim.cli import main

if __name__ == "__main__":
    main()
