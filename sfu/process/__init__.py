"""The worker as a process: its loop, its channel to signaling, what it counts of itself."""
