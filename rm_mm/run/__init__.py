"""One run: training or testing one config on this machine."""
