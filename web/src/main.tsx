import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { App } from "./app";
import { Boundary } from "./parts/boundary";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/bench.css";
import "./styles/charts.css";
import "./styles/quality.css";

// The server's refusals are final; only an answer that did not come is asked for again, twice.
const client = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: (count, error) => !(error instanceof ApiError) && count < 2 },
  },
});

createRoot(document.getElementById("root")!).render(
  <QueryClientProvider client={client}>
    <Boundary>
      <App />
    </Boundary>
  </QueryClientProvider>,
);
