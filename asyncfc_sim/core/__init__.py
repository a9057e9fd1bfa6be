"""The pure core: what a program means and when its calls may run. No clock, no disk, no network, no randomness."""
