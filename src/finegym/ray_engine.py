"""Running the items of a job on Ray: the other engine of ``jobs.run_jobs``.

With ``RAY_ADDRESS`` set, the cluster there; else one is started on this machine and stopped afterwards. On a cluster
every machine needs finegym and the same paths.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from finegym.errors import ConfigError, FineGymError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_on_ray(
    pending: Sequence[tuple[str, Item]], do: Callable[[Item], Result], workers: int, uses_gpus: bool = False
) -> Iterator[tuple[str, Any, str]]:
    """Run ``do`` on every item, in whatever order they finish.

    Args:
        pending: name and item.
        do: does one item; a module-level function or a partial of one.
        workers: items at a time, where the cluster is started here; a cluster that is there decides itself.
        uses_gpus: an item asks for a GPU, where the cluster has any: Ray hides them from what asks for none.

    Yields:
        ``(name, result, reason)``; the reason is empty unless ``do`` raised a ``FineGymError``, or its process died.

    Raises:
        ConfigError: Ray is not installed, or cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            'engine ray needs Ray, which is not installed. `pip install "finegym[ray]"`, or use --engine pool.'
        ) from error
    # Else the first message of a worker that dies makes Ray put its own `print` into this process, for good.
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")
    address = os.environ.get("RAY_ADDRESS")
    is_ours = not ray.is_initialized()
    if is_ours:
        try:
            here: dict[str, Any] = {} if address else {"num_cpus": max(1, workers), "include_dashboard": False}
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **here)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"Ray at {address or 'this machine'} cannot be used: {error}") from error
    try:
        wants_gpu = uses_gpus and ray.cluster_resources().get("GPU", 0) > 0
        # A process that dies is not tried again in silence: its item is failed, as in a pool.
        options: dict[str, Any] = {"max_retries": 0} | ({"num_gpus": 1} if wants_gpu else {})
        remote: Any = ray.remote(_do_one).options(**options)
        shared = ray.put(do)
        names = {remote.remote(shared, item): name for name, item in pending}
        waiting = list(names)
        while waiting:
            finished, waiting = ray.wait(waiting)
            for reference in finished:
                result, reason = _get(ray, reference)
                yield names.pop(reference), result, reason
    finally:
        if is_ours:
            ray.shutdown()


def _do_one(do: Callable[[Item], Result], item: Item) -> tuple[Result | None, str]:
    try:
        return do(item), ""
    except FineGymError as error:
        return None, str(error) or type(error).__name__


def _get(ray: Any, reference: Any) -> tuple[Any, str]:
    try:
        result: tuple[Any, str] = ray.get(reference)
        return result
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError):
        return None, "its process died: killed (out of memory?), or a library crashed"
