"""Payment vendors as the demo and the tests meet them: simulations over HTTP that move no money."""
