// Package composetest reads docker-compose.yml by the current Compose
// specification and holds what it promises. It is a module of its own so that
// what reads Compose files never becomes a dependency of vodfleet.
package composetest
