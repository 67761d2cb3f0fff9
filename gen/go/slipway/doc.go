// Package slipway opens clients of Slipway: it dials over Connect or gRPC, sends the token, sets deadlines, tries reads
// again while the server is away, and follows streams across lost connections.
//
//	conn, err := slipway.Open(slipway.Options{URL: "https://api.example.com", Token: token})
//	clusters := slipway.Client(conn, apiv1connect.NewClusterServiceClient)
//	answer, err := clusters.List(ctx, &apiv1.ClusterServiceListRequest{Project: project})
//
// The messages are in slipway.dev/go/api/v1 and its siblings, the services in the packages below them, such as
// slipway.dev/go/api/v1/apiv1connect.
package slipway
