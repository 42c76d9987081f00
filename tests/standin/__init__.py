"""Stand-ins for what cannot be had here: AMP's panel over real HTTP, and its `ampinstmgr`."""
