"""The kill program (R79): it cancels at the venues by itself, whatever the engine does.

Of ours it imports the vocabulary, the wires' way to sign and read, and where files and keys are:
no kernel, no store, no screen. It blocks, it asks one thing after the other, and it goes on until
the venue has shown twice that nothing is open.
"""
