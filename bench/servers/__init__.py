"""What is measured: our server here or elsewhere, Janus, the naive relay; processes, networks."""
