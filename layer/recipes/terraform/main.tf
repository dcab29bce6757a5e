# `make package` in ../function, inside the build image, then terraform init && terraform apply.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

variable "out" {
  description = "Where `make package` left its zip files"
  type        = string
  default     = "../out"
}

resource "aws_lambda_layer_version" "glowplug" {
  layer_name               = "glowplug"
  filename                 = "${var.out}/layer.zip"
  source_code_hash         = filebase64sha256("${var.out}/layer.zip")
  compatible_runtimes      = ["python3.12"]
  compatible_architectures = ["x86_64"]
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  role             = aws_iam_role.orders.arn
  filename         = "${var.out}/function.zip"
  source_code_hash = filebase64sha256("${var.out}/function.zip")
  handler          = "app.handler"
  runtime          = "python3.12"
  architectures    = ["x86_64"]
  memory_size      = 512
  timeout          = 10
  layers           = [aws_lambda_layer_version.glowplug.arn]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/glowplug/exec"
    }
  }
}

# The archive fits one build of Python: a newer one comes with the next deployment, not before.
resource "aws_lambda_runtime_management_config" "orders" {
  function_name     = aws_lambda_function.orders.function_name
  update_runtime_on = "FunctionUpdate"
}

resource "aws_iam_role" "orders" {
  name = "orders"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.orders.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

output "function_arn" {
  value = aws_lambda_function.orders.arn
}
