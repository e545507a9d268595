"""What every forge's REST API needs: safe requests, budgets, caches, routing."""
