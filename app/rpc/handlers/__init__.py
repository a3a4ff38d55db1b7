"""What is done for a call, a resource a file: decode, call, encode."""
