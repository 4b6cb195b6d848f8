// Package scoringtest makes leads for the tests of several packages.
package scoringtest
