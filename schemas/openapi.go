package schemas

import _ "embed"

// OpenAPI describes the HTTP API of leads, as GET /openapi.yaml serves it.
//
//go:embed openapi.yaml
var OpenAPI []byte
