import { withGrpcurl } from "./support/grpcurl.js";
import { runGroup } from "./support/run-group.js";

runGroup("clients", withGrpcurl());
