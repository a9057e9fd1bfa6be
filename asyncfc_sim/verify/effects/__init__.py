"""Do tools keep to the footprints that they declare? Testing, not proof: on real functions, from reachable states."""
