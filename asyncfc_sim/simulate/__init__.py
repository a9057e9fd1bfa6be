"""The scheduler on a simulated clock: modelled decoders, modelled tool durations, and what futures save."""
