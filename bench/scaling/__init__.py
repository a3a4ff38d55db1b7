"""How ours behaves as things grow: rows, lists, clients, workers, and the number of requests that it has answered."""
