"""Who acts where a test acts as an operator."""

from projections.operator_actions import Operator

OPERATOR = Operator("a test", "to see what happens")
