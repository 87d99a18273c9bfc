"""The storm: clients connect without a pause while a script rotates the password under them.

`python -m bench.storm` runs it on servers of its own and prints what came of it; a test runs the
same script for ten seconds. The promise is that no connect fails.
"""
