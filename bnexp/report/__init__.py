"""From stores to a page: gathers the evidence, has it estimated and drawn, and writes what the reader gets.

Nothing is estimated here and nothing drawn; that is `statistics` and `figures`. `build` joins them.
"""
