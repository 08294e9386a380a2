"""Statistics, one module for each question. Pure functions of numbers; each names its premise and its source.

    quantile   how slow are the slow ones, and do the data support saying so
    interval   how sure is a proportion or a mean

Nothing here imports scipy or numpy: tables must start fast. The tests compare every function with scipy.
"""
