"""What the peers run, each in an environment of its own: `python PEER.py EXPORT FOLDER` loads a file once more."""
