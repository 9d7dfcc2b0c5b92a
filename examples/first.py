"""The ten lines of the README: a sum that takes a while, on whatever cluster Dask is configured for."""

from dask.distributed import Client


def collatz(number: int) -> int:
    """Count the steps from a number down to 1: halve it if it is even, else treble it and add 1."""
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def longest(start: int) -> int:
    """Return the most steps that any of ten thousand numbers takes."""
    return max(collatz(number) for number in range(start, start + 10_000))


if __name__ == "__main__":
    with Client() as client:
        futures = client.map(longest, range(1, 400_000, 10_000))
        print("The longest way to 1 takes", max(client.gather(futures)), "steps.")
