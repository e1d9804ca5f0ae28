"""The annotation app: who works on what, every change of it, and the server that a browser talks to.

Tables and their database are in ``tables/`` and ``database``; the rules of the work, without any database, in
``nesting``, ``walks`` and ``operations``; what people do in ``passes``, ``workflow``, ``review`` and their neighbours;
HTTP in ``api/``. Nothing is imported here.
"""
