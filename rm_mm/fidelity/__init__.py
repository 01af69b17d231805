"""Is a config the recipe of a training log? Learning rates stepped, config keys translated."""
