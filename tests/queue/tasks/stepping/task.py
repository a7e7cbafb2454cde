"""No task of pictures: its folder brings the verb `stepping.go` to the worker's processes of the queue's tests."""
