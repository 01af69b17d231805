"""Training that is killed and goes on ends with the same bits as training that was not.

A run draws nothing from generators that would have to be carried over: every sample and every
iteration seeds them anew, from the run's seed and from its own place in the run (:mod:`.places`).
What a place does not determine is written into each checkpoint (:mod:`.state`), and a checkpoint is
whole or not there (:mod:`.checkpoints`).
"""
