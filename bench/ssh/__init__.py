"""SSH's works through Keyless beside the same works without it: files, trees, repositories, crowds.

`python -m bench.ssh` does them with OpenSSH's own programs, rsync and git, against one sshd, and
compares what arrived by its checksum; a test does the same with little. As in all of this room no
time makes anything fail, but a file that is not what it was does.
"""
