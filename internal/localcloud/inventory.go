package main

import "context"

type inventoryCmd struct{}

func (c *inventoryCmd) Run(context.Context, console) error { return nil }
