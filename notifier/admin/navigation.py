"""The sidebar."""


def sidebar(request):
    return []
