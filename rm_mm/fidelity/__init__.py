"""Does a config match the recipe of a training log? Rates are stepped, settings translated."""
