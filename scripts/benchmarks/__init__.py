"""What the benchmarks share: the peers, and how long something takes."""
