"""What the house promises, kept to: the folders mirror the tree, and `stack` starts it as a person would."""
