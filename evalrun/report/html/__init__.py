"""A run, or several side by side, as one HTML file that needs nothing else: no server, no network, no other file.

    document    the skeleton: policy, style, script, embedded data
    markup      pages as HTML
    bars        what became of requests, and accuracies, as bars
    charts      distributions, drift, cost against accuracy, as pictures
    samples     which samples are embedded, and how

`report.css` and `report.js` are put into the file as they are. Everything that somebody else wrote is text in it, never
markup; the policy allows the file's own script and style, by their hashes, and nothing else.
"""

from evalrun.report.html.document import report

__all__ = ["report"]
