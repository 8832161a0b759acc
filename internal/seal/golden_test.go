package seal_test

// Values computed once with Python hashlib over the bytes spelled out in TestLeaf_GoldenVectors.
const (
	goldenBody        = "gYrZDeOb5EDwfVd/4w237c3JBT4mXbPO2IOpUQqSmeA="
	goldenLeaf        = "RrmcsbqbRR6J6DrcQIa8CN1bG+LqlSSeQnUPlI1dt2U="
	goldenLeafNoClock = "ej4kOa4vlvi+iGudycOcZpwbSmcHf/ghrv83Nh/ShzY="
)
