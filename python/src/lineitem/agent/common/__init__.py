"""What more than one side needs: the scheduler, the workers, and those who enter from outside. It imports no other room.

====================  ==================================================================
``_batch``            a process's clock and numbers; small batches as bytes
``_agreed``           names on which scheduler and workers have agreed
``_names``            names of tasks in a graph
``_stacks``           what the places are called where threads stand
``_sources``          the text of user code
``_inventory``        what is installed and imported
``_deployment``       how a cluster was started
``_versions``         which Dask will do
``_config``           settings
``_guard``            circuit breakers
====================  ==================================================================
"""

from __future__ import annotations
