"""How fast: ours beside a floor and six frameworks, layer by layer, and as rows, clients and workers grow.

``python -m bench`` compares, ``bench.cost`` takes one request apart, ``bench.guard`` holds it to what was recorded, and
``bench.scaling`` makes everything larger. What is compared is CPU time per request of a server's whole process tree,
because it hardly depends on who else uses the machine; everything runs on loopback, bounded, and ends by itself.
"""
