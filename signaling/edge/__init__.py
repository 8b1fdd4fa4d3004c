"""Where connections come in: who may have one, for how long, and under which name of ours."""
