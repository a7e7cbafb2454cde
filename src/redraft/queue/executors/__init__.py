"""Where the keepers of jobs run: as processes of this machine, or on a cluster."""
