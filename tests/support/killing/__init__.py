"""Commands that are killed as by kill -9 at each of their steps, in processes that are forked from a warm one."""
