"""What runs inside the scheduler. Of the workers' room it knows the plugin that it pushes, and nothing else.

========================  ==========================================================================
``_arrival``              how the agent comes onto a scheduler that runs already, and leaves it
``_plugin``               takes in the workers' batches, makes its own, carries out directives
``_push``                 makes the payload that installs the worker part anywhere
``_stamps``               stamps each new task with who pays
``_submissions``          who asked for the work, and from which line
``_origins``              which line created it
``_reads``, ``_paths``    what tasks read and write, and where, without secrets
``_cluster``              what the cluster is
``_lifecycle``            workers that come and go
``_operations``           what clients ask: who is there, and to report now
``_transport``            the only part that talks to the server: a daemon thread
``_queue``, ``_http``     what waits for the server; requests with the standard library
========================  ==========================================================================
"""

from __future__ import annotations
